move(x, -0930)
