call(user-of-round-1)
