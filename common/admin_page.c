#include "common/admin_page.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static const char head[] =
	"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta "
	"charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width\">\n"
	"<style>\n"
	":root { color-scheme: light dark }\n"
	"body { font: 16px/1.5 system-ui, sans-serif; max-width: 44em;"
	" margin: 2em auto; padding: 0 1em }\n"
	"td, th { text-align: left; padding: .2em 1.5em .2em 0;"
	" vertical-align: top }\n"
	"</style>\n";

static void print_escaped(FILE *f, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '<':
			fputs("&lt;", f);
			break;
		case '>':
			fputs("&gt;", f);
			break;
		case '&':
			fputs("&amp;", f);
			break;
		case '"':
			fputs("&quot;", f);
			break;
		default:
			fputc(*text, f);
		}
	}
}

static void print_path(FILE *f, const struct admin_link *l)
{
	if (l->changes) {
		fputs("POST ", f);
		print_escaped(f, l->path);
		return;
	}
	fputs("<a href=\"", f);
	print_escaped(f, l->path);
	fputs("\">", f);
	print_escaped(f, l->path);
	fputs("</a>", f);
}

static void print_link(FILE *f, const struct admin_link *l)
{
	fputs("<tr><td>", f);
	print_path(f, l);
	fputs("</td><td>", f);
	print_escaped(f, l->about);
	fputs("</td></tr>\n", f);
}

static void print_page(FILE *f, const struct admin_page *p)
{
	fputs(head, f);
	fputs("<title>", f);
	print_escaped(f, p->daemon);
	fputs("</title>\n</head>\n<body>\n<h1>", f);
	print_escaped(f, p->daemon);
	fputs(" ", f);
	print_escaped(f, p->version);
	fputs("</h1>\n<p>", f);
	fputs(*p->not_ready ? "Not ready: " : "Ready", f);
	print_escaped(f, p->not_ready);
	fputs(".</p>\n<table>\n<tr><th>Path</th><th>What it shows</th></tr>\n",
	      f);
	for (size_t i = 0; i < p->n; i++)
		print_link(f, &p->links[i]);
	fputs("</table>\n</body>\n</html>\n", f);
}

char *admin_page(const struct admin_page *p)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return NULL;
	print_page(f, p);
	bool failed = ferror(f);

	if (fclose(f) == EOF || failed) {
		free(text);
		return NULL;
	}
	return text;
}
