/*
 * rename.h - included before every source of the library proper (not its platform
 * files) when it is built for tests: its calls to the system go through interpose.c.
 */
#define ipc_os_now test_os_now
#define ipc_os_now_coarse test_os_now_coarse
#define ipc_os_self test_os_self
#define ipc_os_wait test_os_wait
#define ipc_os_wait_interruptibly test_os_wait_interruptibly
#define ipc_os_wake_all test_os_wake_all
#define ipc_os_open test_os_open
#define ipc_os_unlink test_os_unlink
#define ipc_os_stat test_os_stat
#define ipc_os_stat_key test_os_stat_key
#define ipc_os_read test_os_read
#define ipc_os_resize test_os_resize
#define ipc_os_map test_os_map
#define ipc_os_unmap test_os_unmap
#define ipc_os_replace test_os_replace
#define ipc_os_try_lock test_os_try_lock
#define ipc_os_unlock test_os_unlock
#define ipc_os_remove_own_identity test_os_remove_own_identity
