use('ab.utf8')
