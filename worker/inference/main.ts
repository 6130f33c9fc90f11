import { serveInference } from './serve-inference.js';

// TensorFlow's own library reads this while it is loaded; without it, it takes all memory of the GPU at once.
process.env['TF_FORCE_GPU_ALLOW_GROWTH'] ??= 'true';
serveInference();
