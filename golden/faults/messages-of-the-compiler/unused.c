int twice(int value) {
    int unused;
    return 2 * value;
}
