// Starts an engine, prints its process id, and waits to be killed while the engine works.
import { createEngineLauncher } from '../../agent/engine/supervisor.ts';
import { clockOf, specOf } from './fixture.ts';

const engine = await createEngineLauncher({ clock: clockOf(), log: () => {} }).launch(specOf());
console.log(engine.pid);
await engine.generate({ prompt: '', seed: 1, steps: 200 });
