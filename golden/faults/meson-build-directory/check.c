#include <stdio.h>

void check(int fine) {
    if (!fine)
        printf("check failed in %s\n", __FILE__);
}
