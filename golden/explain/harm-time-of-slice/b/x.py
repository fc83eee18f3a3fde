K = key[0:10]
