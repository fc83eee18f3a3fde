const char *panicked_at(void) { return PANICKED_AT; }
