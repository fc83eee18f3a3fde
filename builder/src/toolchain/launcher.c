/* Starts a program of a root that lies elsewhere than at `/`, with the linker and the libraries of
   that root. LINKER, LIBRARIES and PROGRAM are set by whoever compiles it.

   `--argv0` keeps the name under which the program was called: CPython looks for `pyvenv.cfg`
   beside that name, and so finds the venv whose `bin/python` is a link to this launcher. A name
   without a slash tells nothing (Nix starts builders with one, and without `PATH`); then the kernel
   knows the path. Of a script it knows the script's, but then the name has a slash.
   `--inhibit-cache` keeps the linker from the machine's own libraries. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

int main(int count, char **words)
{
    static char *const own[] = {LINKER,        "--inhibit-cache", "--library-path",
                                LIBRARIES,     "--argv0",         NULL};
    char **all = malloc((sizeof own / sizeof *own + (size_t)count + 2) * sizeof *all);
    int next = 0;

    if (all == NULL || count < 1) return 127;
    while (own[next] != NULL) {
        all[next] = own[next];
        next++;
    }
    char *path = (char *)getauxval(AT_EXECFN);
    int named = strchr(words[0], '/') != NULL || path == NULL || strchr(path, '/') == NULL;
    all[next++] = named ? words[0] : path;
    all[next++] = PROGRAM;
    for (int word = 1; word < count; word++) all[next++] = words[word];
    all[next] = NULL;
    execv(LINKER, all);
    perror(LINKER);
    return 127;
}
