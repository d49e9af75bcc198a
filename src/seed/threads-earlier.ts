import type { Thread } from './thread.ts'

/** Two to six days ago. */
export const earlier: Thread[] = [
  {
    by: 'viktor',
    when: '2d 18:30',
    body: 'Dear owners of pianos next to radiators:\n\nwhy.',
    likes: 13,
    comments: [
      ['hana', 'Our choir room would like to say nothing at all.'],
      ['viktor', 'I know about your choir room, Hana. I bring flowers when I visit it.'],
    ],
  },
  {
    by: 'priya',
    when: '2d 07:45',
    body: 'Nine across, six letters: “It stays when you give it away.” I had PROMISE in my head for an hour. Too long, and also not true.',
    likes: 6,
    comments: [
      ['yuki', 'ADVICE?'],
      ['priya', 'Oh, that is much better than the answer they had.'],
    ],
  },
  {
    by: 'ben',
    when: '3d 17:15',
    body: 'Repair café numbers for this month: 31 things came in, 24 went home working, 5 went home explained, 2 went into the box we do not talk about.\n\nNext one is in two weeks. Bring patience and, if you can, biscuits.',
    likes: 16,
    comments: [
      ['lena', 'My toaster belongs to the 24. It has ambitions again.'],
      ['jonas', 'The explained ones are my favourite category.'],
      ['tove', 'What is in the box?'],
      ['ben', 'We do not talk about the box.'],
      ['quinn', 'I’d like to talk about the box. I need parts for a dragon.'],
      ['ben', 'Then it was always your box.'],
    ],
  },
  {
    by: 'goran',
    when: '3d 22:10',
    body: 'Clear sky until one in the morning. Saturn looked like a drawing of Saturn. I showed it to a man walking his dog; he looked for a long time and said “so it’s real”.',
    likes: 18,
    comments: [
      ['uma', 'That sentence is the whole of science, really.'],
      ['wren', 'And what did the dog say?'],
      ['goran', 'The dog has seen it before.'],
    ],
  },
  {
    by: 'lena',
    when: '4d 06:50',
    body: 'Everyone in this house lost exactly one shoe. Nobody lost a pair. Explain that, physics. @uma?',
    likes: 10,
  },
  {
    by: 'ines',
    when: '4d 15:25',
    body: 'Low tide survey done: 212 limpets, 40 beadlet anemones, one wedding ring.\n\nIf you lost a ring near the west pier some years ago: it says “M & T, always”, and a small crab was living in it. The crab has been rehoused.',
    likes: 20,
    comments: [
      ['farah', 'The archive has the local paper back to 1890. I’ll look for an M & T.'],
      ['ines', 'Would you? I’d love to find them.'],
      ['farah', 'Give me until the evening.'],
      ['kofi', 'I am following this thread with a recorder in my hand.'],
      ['farah', 'Found them: Maria and Tomasz, 1974, St. Anne’s. The daughter still lives in town!'],
      ['ines', 'I’m not crying, that’s sea water.'],
      ['ann', 'This is why I read this site.'],
    ],
  },
  {
    by: 'carla',
    when: '4d 20:00',
    body: 'Drawing challenge for anyone who says they cannot draw: your left hand, with your left hand. Two minutes. Post it or don’t. It always comes out honest.',
    likes: 9,
    comments: [['tove', 'I am left-handed and feel strangely cheated.']],
  },
  {
    by: 'dmitri',
    when: '5d 06:15',
    body: 'End of shift. Somebody on the ward turned 100 tonight and asked for one thing: the window open for a minute, to smell the rain.',
    likes: 22,
    comments: [
      ['hana', 'Thank you for opening it.'],
      ['oskar', 'Good man.'],
    ],
  },
  {
    by: 'hana',
    when: '5d 18:00',
    body: 'We sing next Thursday, at seven, in the old market hall. Entry is free; the echo alone is worth coming for.\nThe programme: https://choir.example.org/winter',
    likes: 8,
    comments: [
      ['viktor', 'I’ll tune the upright the day before. Please keep the heaters off until then.'],
      ['mateo', 'Soup afterwards. I’m bringing the big pot.'],
    ],
  },
  {
    by: 'yuki',
    when: '6d 10:30',
    body: 'Untranslatable word of the week is, again, the one on the form from the tax office.',
    likes: 14,
  },
  {
    by: 'farah',
    when: '6d 16:45',
    body: 'My year eights had to interview the oldest person they know. One of them came back with four pages about a bakery that closed in 1961, and the recipe for its almond buns. The class has voted that this is history now, and I agree.',
    likes: 15,
    comments: [
      ['ann', 'I need that recipe. For academic purposes.'],
      ['farah', 'I’ll ask. The author drives a hard bargain.'],
      ['mateo', 'Second request, equally academic.'],
    ],
  },
  {
    by: 'quinn',
    when: '6d 21:20',
    body: 'Tonight the dragon’s jaw fell off in front of sixty children. I said “and that is why dragons brush their teeth”. Standing ovation. 🐉',
    likes: 16,
    comments: [['lena', 'Mine brushed for six minutes. Whatever you are paid, it is too little.']],
  },
]
