import GradusCore

/// Condorcet fusion: sorts candidates by pairwise majorities (Montague and Aslam, CIKM 2002).
///
/// A document beats another one where lists with more weight rank it higher; a list that holds only one of them ranks that
/// one higher, and a list that holds neither does not vote. Majorities may go round in circles. The paper sorts with the
/// majority as comparison, which gives a path in which every document beats or ties the next one: all documents of a circle
/// then stand together, in an order that depends on where the sort began. Here it begins with the Borda count and the tie
/// rule, so that the result depends on the lists alone. ranx begins with the hash order of a set and lets a list that holds
/// neither document vote against the first: its order changes from call to call.
struct CondorcetOrder {
  /// `[list][document]`, the length of the candidates where a list lacks the document.
  private let places: [[Int]]
  /// Heaviest first, so that equal lists in another order are the same sum.
  private let weights: [Double]

  init(_ pool: FusionPool, weights: [Double]) {
    let heaviest = weights.indices.sorted { (-weights[$0], $0) < (-weights[$1], $1) }
    self.weights = heaviest.map { weights[$0] }
    places = heaviest.map { list in
      var places = [Int](repeating: pool.docnos.count, count: pool.docnos.count)
      for (place, document) in pool.lists[list].enumerated() { places[document] = place }
      return places
    }
  }

  /// The documents of `start`, best first.
  ///
  /// - Complexity: O(n log n) comparisons of O(lists), and O(n^2) moves of one number.
  func order(from start: [Int]) -> [Int] {
    var order: [Int] = []
    order.reserveCapacity(start.count)
    for document in start {
      // All before `low` is not beaten at its end, `high` is beaten: between them the document keeps the path a path.
      var (low, high) = (0, order.count)
      while low < high {
        let middle = (low + high) / 2
        if beats(document, order[middle]) { high = middle } else { low = middle + 1 }
      }
      order.insert(document, at: low)
    }
    return order
  }

  /// Whether `first` has a strict majority over `second`.
  func beats(_ first: Int, _ second: Int) -> Bool {
    var (wins, losses) = (0.0, 0.0)
    for (list, weight) in zip(places, weights) {
      if list[first] < list[second] { wins += weight } else if list[second] < list[first] { losses += weight }
    }
    return wins > losses
  }
}
