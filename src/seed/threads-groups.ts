import type { Thread } from './thread.ts'

export const grouped: Thread[] = [
  {
    by: 'nia',
    when: '12d 20:10',
    group: 'sunday_walks',
    body: 'Sunday’s plan: from the ferry landing along the dyke to the lighthouse, 11 km, flat as a plate. We meet at half past nine. Cake stop: the lighthouse café, if the wind lets us in.',
    likes: 7,
    comments: [
      ['oskar', 'I know this dyke. Bring a hat that you can tie on.'],
      ['lena', 'Is it all right for a pram and a dog with opinions?'],
      ['nia', 'Yes to both.'],
    ],
  },
  {
    by: 'wren',
    when: '7d 19:00',
    group: 'sunday_walks',
    body: 'From today’s walk: 300 barnacle geese, one marsh harrier, eleven slices of apple cake. Thank you all for stopping each time I pointed at something.',
    likes: 9,
    comments: [
      ['tove', 'I’d have bet on twelve slices.'],
      ['goran', 'The twelfth is under investigation.'],
    ],
  },
  {
    by: 'nia',
    when: '5h',
    group: 'sunday_walks',
    body: 'This Sunday: the beech wood and the two ponds, 9 km. Wellies recommended, umbrellas forbidden. Who’s in? 🥾',
    likes: 8,
    comments: [
      ['priya', 'In!'],
      ['ben', 'In, and I’ll carry the thermos.'],
      ['hana', 'In, if we’re back by four. Rehearsal.'],
      ['sami', 'Is there any laundry on the way?'],
      ['nia', 'There’s one farm. You’ll have your moment.'],
      ['ann', 'In. With cinnamon buns.'],
      ['oskar', 'Then I’m in as well.'],
    ],
  },
  {
    by: 'rosa',
    when: '9d 18:30',
    group: 'page_turners',
    body: 'The vote is in: next month we read “The Summer Book”. I have six copies in the shop, with the circle’s discount. We start at eight; the back door will announce you.',
    likes: 5,
    comments: [
      ['hana', 'The best choice. I’ll bring the blanket that belongs to it.'],
      ['dmitri', 'I have the night off! First time this year that I’ll make it to the end.'],
    ],
  },
  {
    by: 'yuki',
    when: '3d 20:45',
    group: 'page_turners',
    body: 'I’m at chapter nine and reading slower and slower so that it lasts. No spoilers, please, though I don’t think it has a plot to spoil.',
    likes: 4,
    comments: [
      ['farah', 'Same here. I read the cat chapter aloud to my class.'],
      ['uma', 'I finished it in one go and went straight back to the first page.'],
    ],
  },
]
