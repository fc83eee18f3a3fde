static int __pyx_k_9f8e7d6c;
