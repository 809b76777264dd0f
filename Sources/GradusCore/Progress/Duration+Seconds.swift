extension Duration {
  /// With its fraction, for rates and reports.
  package var inSeconds: Double { Double(components.seconds) + 1e-18 * Double(components.attoseconds) }
}
