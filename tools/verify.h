/* verify: `authctl verify`, tokens checked offline by the daemon's own token/ and verdict/ code.
 *
 * Keys come from a file, tokens from stdin, verdicts go to stdout as one JSON line each. Exit
 * status: 0 the token is good (with --batch: all were judged), 1 it is not, 2 wrong usage, 3 no
 * usable keys, 4 input or output failed. */
#pragma once

int verify_main(int argc, char **argv);
