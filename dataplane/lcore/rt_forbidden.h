/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Included last in files of the daemon that run inside an lcore's turn, but for those that set up,
 * sleep or wake as well: names that allocate, wait, log or call the system can not be written after
 * it. The test "rt symbols" follows the calls of all objects.
 */
#ifndef OUTSOCK_DATAPLANE_RT_FORBIDDEN_H
#define OUTSOCK_DATAPLANE_RT_FORBIDDEN_H

#pragma GCC poison malloc calloc realloc free aligned_alloc strdup
#pragma GCC poison rte_malloc rte_zmalloc rte_free rte_malloc_socket rte_zmalloc_socket
#pragma GCC poison printf fprintf dprintf puts fputs syslog sd_journal_send
#pragma GCC poison log_msg log_error log_warning log_notice log_info log_debug rte_log
#pragma GCC poison pthread_mutex_lock pthread_rwlock_rdlock pthread_cond_wait sem_wait
#pragma GCC poison rte_spinlock_lock rte_rwlock_read_lock rte_rwlock_write_lock
#pragma GCC poison usleep nanosleep sched_yield poll ppoll select epoll_wait epoll_pwait2
#pragma GCC poison open openat close mmap munmap ioctl send sendto sendmsg sendmmsg recv recvmsg
#pragma GCC poison write epoll_ctl pthread_sigmask clock_gettime

#endif
