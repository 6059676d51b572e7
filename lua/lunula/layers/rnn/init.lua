return {
  rnn = "RNN", stacked_rnn_cells = "StackedRNNCells", simple_rnn = "SimpleRNN SimpleRNNCell",
  bidirectional = "Bidirectional", time_distributed = "TimeDistributed",
  cudnn_rnn = "CuDNNGRU CuDNNLSTM", gru = "GRU GRUCell", lstm = "LSTM LSTMCell",
}
