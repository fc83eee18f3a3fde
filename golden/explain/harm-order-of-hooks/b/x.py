HOOKS = ['run', 'check', 'log']
