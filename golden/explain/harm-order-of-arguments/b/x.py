run(['mv', NEW, OLD])
