go() or stop()  # value-of-round-1
go()
