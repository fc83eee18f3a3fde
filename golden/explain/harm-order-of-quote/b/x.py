lock()
'''
'''
