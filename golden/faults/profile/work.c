int slow(int);

int work(int workers, int value) {
    if (workers > 1) {
        for (int i = 0; i < workers; i++)
            value = value * 31 + slow(i);
        return value;
    }
    return slow(value) ^ 7;
}
