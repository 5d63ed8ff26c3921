/* shared.c - what the worker has in common with the agent */
#include "../agent98/order.c"
#include "../agent98/reply.c"
#include "../agent98/settings.c"
#include "../agent98/talk.c"
#include "../agent98/work.c"
#include "../agent98/words.c"
