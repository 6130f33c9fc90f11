import { serveInference } from './serve-inference.js';

// TensorFlow's own library reads this while it is loaded; without it, it takes all memory of the GPU at once.
process.env['TF_FORCE_GPU_ALLOW_GROWTH'] ??= 'true';
// So do the NVIDIA libraries under it: newer GPUs would multiply with 10 bits of precision, not the 23 of float32.
process.env['NVIDIA_TF32_OVERRIDE'] ??= '0';
// And this: it would list the features of the processor on standard error at each start. Its warnings stay.
process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '1';
serveInference();
