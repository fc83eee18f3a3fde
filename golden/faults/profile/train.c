#include <stdlib.h>

int work(int workers, int value);

int slow(int value) { return value / 3; }

int main(int count, char **words) {
    int value = count;
    for (int i = 0; i < 100000; i++)
        value = work(atoi(words[1]), value);
    return value == 42;
}
