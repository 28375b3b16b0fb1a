#!/bin/bash
# Every task of this array computes its share of one command into OUT.work:
#
#     sbatch shards.sh matrix nets/*.safetensors --align -o matrix.h5
#
# Choose the number of tasks, and what each of them has, for your cluster.
#SBATCH --job-name=lmctool-shard
#SBATCH --array=0-7
#SBATCH --cpus-per-task=4
#SBATCH --mem=16G
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@120
##SBATCH --gres=gpu:1

# as many threads as CPUs, in all tasks alike: the last bits of a number may depend on it
export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}

# two minutes before the time is up: Slurm ends this task and queues it once more
trap 'scontrol requeue "$SLURM_JOB_ID"' USR1
# preempted or cancelled, lmctool gets this signal too: let it put its work away
trap : TERM

lmctool "$@" --quiet --shard "$((SLURM_ARRAY_TASK_ID + 1))/$SLURM_ARRAY_TASK_COUNT" &
wait $! || wait $! || wait $!  # a signal ends the waiting, not lmctool
