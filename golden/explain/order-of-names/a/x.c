int x_0a1b2c3d;
int x_9f8e7d6c;
