NAMES = {'one', 'two', 'three'}
