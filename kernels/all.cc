// Every kernel of one target in one translation unit: a build is this file, compiled with the target's flags.
#include "gemm.cc"
#include "dense.cc"
#include "rnn.cc"
#include "lstm.cc"
#include "gru.cc"
#include "loss.cc"
#include "embedding.cc"
#include "update.cc"
