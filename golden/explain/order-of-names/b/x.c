int x_9f8e7d6c;
int x_0a1b2c3d;
