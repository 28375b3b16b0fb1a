#!/bin/bash
# Computes what the tasks of shards.sh have left, and writes the result:
#
#     sbatch --dependency=afterany:JOB gather.sh matrix nets/*.safetensors --align -o matrix.h5
#
# with the words that shards.sh had.  afterany: it is of use after tasks that failed too.
#SBATCH --job-name=lmctool-gather
#SBATCH --cpus-per-task=4
#SBATCH --mem=16G
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
##SBATCH --gres=gpu:1

export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}
exec lmctool "$@" --quiet --resume
