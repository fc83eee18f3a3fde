use('cd.utf8')
