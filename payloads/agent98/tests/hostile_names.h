/* hostile_names.h - the hosted machine of MACHINE, but for the calls that hostile.h answers: these have other names. */
#define net_call hosted_net_call
#define net_close hosted_net_close
#define net_send hosted_net_send
#define net_receive hosted_net_receive
#define net_wait hosted_net_wait
#define program_start hosted_program_start
#define program_ended hosted_program_ended
#define program_kill hosted_program_kill
#define child_start hosted_child_start
#define child_ended hosted_child_ended
#define child_kill hosted_child_kill
#define machine_start hosted_machine_start
#define machine_end hosted_machine_end
#define machine_key hosted_machine_key
#define files_make hosted_files_make
#define files_remove hosted_files_remove
#include MACHINE
#undef net_call
#undef net_close
#undef net_send
#undef net_receive
#undef net_wait
#undef program_start
#undef program_ended
#undef program_kill
#undef child_start
#undef child_ended
#undef child_kill
#undef machine_start
#undef machine_end
#undef machine_key
#undef files_make
#undef files_remove
