'''
lock()
'''
