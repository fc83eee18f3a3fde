K = key[0:20]
