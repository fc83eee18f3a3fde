x = my_host-of-round-1()
