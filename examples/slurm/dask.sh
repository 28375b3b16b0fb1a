#!/bin/bash
# Leads one command, whose workers are jobs that dask-jobqueue submits:
#
#     sbatch dask.sh matrix nets/*.safetensors --align -o matrix.h5
#
# It can also run on a login node, if workers may connect to that.  WORKERS says what they are.
#SBATCH --job-name=lmctool-lead
#SBATCH --cpus-per-task=1
#SBATCH --mem=8G
#SBATCH --time=1-00:00:00
#SBATCH --requeue
#SBATCH --open-mode=append

workers=${WORKERS:-cores=4&memory=16GB&jobs=8&walltime=04:00:00}
exec lmctool "$@" --quiet --resume --executor "dask:slurm?$workers"
