x = my_lockstep()
