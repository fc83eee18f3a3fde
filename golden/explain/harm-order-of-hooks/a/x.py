HOOKS = ['check', 'log', 'run']
