"""As paint_with_diffusers.py, with OpenVINO GenAI's Text2ImagePipeline: FOLDER THREADS SIDE PRECISION, FOLDER being one of OpenVINO IR.

GenAI wants the tokenizer as a graph and whole numbers for timesteps, so it gets a copy of the folder; the weights are the same.
"""

import shutil
import sys
import tempfile
import time
from pathlib import Path

import openvino
import openvino_genai
from openvino.preprocess import PrePostProcessor
from openvino_tokenizers import convert_tokenizer
from transformers import AutoTokenizer

source, threads, side, precision = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
with tempfile.TemporaryDirectory() as made:
    folder = Path(made) / "pipeline"
    shutil.copytree(source, folder, ignore=lambda path, names: [n for n in names if Path(path).name == "unet" and "model" in n])
    tokenizer = AutoTokenizer.from_pretrained(source / "tokenizer", local_files_only=True)
    openvino.save_model(convert_tokenizer(tokenizer, with_detokenizer=False), folder / "tokenizer" / "openvino_tokenizer.xml")
    steps = PrePostProcessor(openvino.Core().read_model(source / "unet" / "openvino_model.xml"))
    steps.input("timestep").tensor().set_element_type(openvino.Type.i64)
    openvino.save_model(steps.build(), folder / "unet" / "openvino_model.xml", compress_to_fp16=False)
    settings = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
    pipeline = openvino_genai.Text2ImagePipeline(str(folder), "CPU", **settings)
print("ready", flush=True)
for line in sys.stdin:
    begun = time.perf_counter()
    pipeline.generate("a red fox", width=side, height=side, num_inference_steps=int(line), guidance_scale=1.0, rng_seed=1)
    print(1000 * (time.perf_counter() - begun), flush=True)
