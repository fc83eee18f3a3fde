static int __pyx_k_0a1b2c3d;
