#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

/*
 * Without libFuzzer: every file of the folders given as arguments is an input.
 * A target that does not like one aborts; its name is then the last printed
 * with -v.
 */
enum { INPUT_MAX = 1 << 20, PATH_LEN = 4096 };

static uint8_t input[INPUT_MAX];

/* The input gets a block of its own size, for a checker to guard its end. */
static int replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *copy = NULL;
	size_t len;

	if (!f) {
		perror(path);
		return -1;
	}
	len = fread(input, 1, sizeof(input), f);
	fclose(f);
	copy = malloc(len ? len : 1);
	if (!copy)
		return -1;
	memcpy(copy, input, len);
	LLVMFuzzerTestOneInput(copy, len);
	free(copy);
	return 0;
}

/* How many, or -1. */
static int replay_folder(const char *folder, int verbose)
{
	DIR *dir = opendir(folder);
	char path[PATH_LEN];
	int n = 0;

	if (!dir) {
		perror(folder);
		return -1;
	}
	for (const struct dirent *e; n >= 0 && (e = readdir(dir));) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		if (verbose)
			fprintf(stderr, "%s\n", path);
		n = replay_file(path) ? -1 : n + 1;
	}
	closedir(dir);
	return n;
}

int main(int argc, char **argv)
{
	int verbose = argc > 1 && !strcmp(argv[1], "-v");
	int total = 0;

	for (int i = 1 + verbose; i < argc; i++) {
		int n = replay_folder(argv[i], verbose);

		if (n < 0)
			return 1;
		total += n;
	}
	if (total == 0) {
		fprintf(stderr, "%s: nothing to replay: name a folder\n",
			argv[0]);
		return 1;
	}
	printf("%s: %d inputs replayed\n", argv[0], total);
	return 0;
}
