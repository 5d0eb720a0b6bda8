from stillhouse_models.cli import main

main()
