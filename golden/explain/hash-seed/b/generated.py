NAMES = {'three', 'one', 'two'}
