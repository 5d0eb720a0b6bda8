// Operators beyond ONNX's own that ONNX Runtime computes on a processor.

/**
 * Of the domain com.microsoft. Sources: docs/OperatorKernels.md of ONNX Runtime (under CPUExecutionProvider) and the registry of its
 * Python package (`get_all_opkernel_def`, 1.32), less what the library of onnxruntime-node 1.30.0 calls "not a registered
 * function/op"; and NhwcFusedConv, which only arm64 has (contrib_ops/cpu/cpu_contrib_kernels.cc). The domain has as many again for
 * graphics processors alone. test/engine/contrib-operators.test.ts asks the library that is installed.
 */
export const CONTRIB_OPERATORS: ReadonlySet<string> = new Set(
  `
  Attention AttnLSTM BeamSearch BiasGelu BifurcationDetector CDist CausalConvWithState ConvTransposeWithDynamicPads
  CropAndResize DecoderMaskedMultiHeadAttention DequantizeLinear DynamicQuantizeLSTM DynamicQuantizeMatMul
  DynamicTimeWarping EmbedLayerNormalization EngramGate ExpandDims FastGelu FusedConv FusedGemm FusedMatMul GatedAdd
  GatedDeltaNet GatedRMSNorm GatherBlockQuantized GatherND Gelu GreedySearch GridSample GroupQueryAttention Inverse
  LinearAttention LinearAttentionGate MRotaryEmbedding MatMulBnb4 MatMulFpQ4 MatMulInteger16 MatMulIntegerToFloat
  MatMulNBits MaxpoolWithMask MoE MultiHeadAttention MurmurHash3 NGramHashMapping NGramRepeatBlock NhwcFusedConv NhwcMaxPool
  Pad QAttention QEmbedLayerNormalization QGemm QLinearAdd QLinearAveragePool QLinearConcat QLinearConv
  QLinearGlobalAveragePool QLinearLeakyRelu QLinearMul QLinearSigmoid QLinearSoftmax QLinearWhere QMoE QuantizeLinear
  QuickGelu Range RotaryEmbedding SampleOp Sampling SkipLayerNormalization SkipSimplifiedLayerNormalization SparseAttention
  SparseToDenseMatMul Tokenizer TransposeMatMul Trilu UnfoldTensor Unique VarlenCausalConvWithState WhisperBeamSearch
  WordConvEmbedding
`
    .trim()
    .split(/\s+/),
);
