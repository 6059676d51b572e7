return {
  conv_lstm = "ConvLSTM1D ConvLSTM2D ConvLSTM2DCell ConvLSTM3D",
  rnn = "RNN", stacked_rnn_cells = "StackedRNNCells", simple_rnn = "SimpleRNN SimpleRNNCell",
  bidirectional = "Bidirectional", time_distributed = "TimeDistributed",
  cudnn_rnn = "CuDNNGRU CuDNNLSTM", gru = "GRU GRUCell", lstm = "LSTM LSTMCell",
}
