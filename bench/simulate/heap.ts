/** A binary heap in an array, ordered by time, then by insertion. */
export interface Timed {
  at: number
  order: number
}

const isBefore = (a: Timed, b: Timed): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

export function push<Item extends Timed>(heap: Item[], item: Item): void {
  let index = heap.length
  heap.push(item)
  while (index > 0) {
    const parent = (index - 1) >> 1
    if (!isBefore(item, heap[parent]!)) break
    heap[index] = heap[parent]!
    index = parent
  }
  heap[index] = item
}

/** The heap must not be empty. */
export function pop<Item extends Timed>(heap: Item[]): Item {
  const top = heap[0]!
  const last = heap.pop()!
  if (heap.length === 0) return top
  let index = 0
  for (let child = 1; child < heap.length; child = 2 * index + 1) {
    if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1
    if (!isBefore(heap[child]!, last)) break
    heap[index] = heap[child]!
    index = child
  }
  heap[index] = last
  return top
}
