const char *built(void) { return "built on " __DATE__ ", at " __TIME__; }
