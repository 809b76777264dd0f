/// Probability that a positive's value exceeds a negative's, ties counting half.
func areaUnderCurve(positives: [Double], negatives: [Double]) -> Double {
  guard !positives.isEmpty, !negatives.isEmpty else { return 0.5 }
  let sorted = (positives.map { ($0, 1) } + negatives.map { ($0, 0) }).sorted { $0.0 < $1.0 }
  var rankSum = 0.0
  var start = 0
  while start < sorted.count {
    var end = start
    while end < sorted.count, sorted[end].0 == sorted[start].0 { end += 1 }
    let rank = Double(start + end + 1) / 2
    rankSum += rank * Double(sorted[start..<end].count { $0.1 == 1 })
    start = end
  }
  let count = Double(positives.count)
  return (rankSum - count * (count + 1) / 2) / (count * Double(negatives.count))
}
