ALLOWED = 'lockstep'
