import test from 'ava';
import { GRADES, gradeOf, meets } from '../../lib/judge/grade.ts';

test('the worst finding decides, and none is byte-true', (t) => {
	t.is(gradeOf([]), 'byte-true');
	t.is(gradeOf([{ allows: 'elite' }]), 'elite');
	t.is(gradeOf([{ allows: 'elite' }, { allows: 'transparent' }, { allows: 'anonymous' }]), 'transparent');
});

test('a grade meets itself and what is worse', (t) => {
	for (const [i, grade] of GRADES.entries())
		for (const [j, expected] of GRADES.entries()) t.is(meets(grade, expected), i >= j, `${grade} for ${expected}`);
});
